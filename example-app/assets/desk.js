"use strict";

// The page works without this. With it, the page keeps up with what comes in.
(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  if (!main || !main.dataset.mark || !window.EventSource) return;

  const PAUSE = 5000;
  let source = null;
  let pause = 0;
  let wanted = null;
  let isFetching = false;

  const say = (text, isLive) => {
    if (live.textContent !== text) live.textContent = text;
    live.classList.toggle("on", isLive);
  };

  // Only what is between the tags of `main` is replaced; what was open or focused stays so.
  const show = (next) => {
    const open = [...main.querySelectorAll("details[open][id]")].map((details) => details.id);
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id || focused.getAttribute("href"));
    main.replaceChildren(...next.childNodes);
    main.dataset.mark = next.dataset.mark;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (key) {
      const same = [...main.querySelectorAll("a, summary, [id]")].find(
        (element) => element.id === key || element.getAttribute("href") === key,
      );
      same?.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    if (isFetching) return;
    isFetching = true;
    try {
      let fetched = null;
      while (wanted !== main.dataset.mark && wanted !== fetched) {
        fetched = wanted;
        const response = await fetch(location.href, { cache: "no-store" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const next = page.getElementById("main");
        // Signed out, or the candidate was removed: the answer is shown as it is.
        if (!next?.dataset.mark) {
          if (response.status < 500) location.reload();
          return;
        }
        show(next);
      }
    } catch {
      // The stream tells when the desk is back.
    } finally {
      isFetching = false;
    }
  };

  const listen = () => {
    clearTimeout(pause);
    if (source || document.hidden) return;
    source = new EventSource("/events");
    source.onopen = () => say("Live", true);
    source.onmessage = (event) => {
      wanted = event.data;
      refresh();
    };
    source.onerror = () => {
      say("Reconnecting", false);
      if (source.readyState !== EventSource.CLOSED) return;
      source = null;
      pause = setTimeout(listen, PAUSE);
    };
  };

  // A browser gives one host few connections: a page that nobody looks at gives its own back.
  const rest = () => {
    clearTimeout(pause);
    source?.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", listen);
  listen();
})();
