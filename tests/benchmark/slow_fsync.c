/*
 * Preloaded into a server and its database: makes every fsync and fdatasync last longer by a fixed time, and keeps
 * count of them. Built and preloaded by tests/bench.
 *
 * SLOW_FSYNC_LEDGER names a file of three numbers of 64 bits: how many there were, how many nanoseconds they took
 * together, and how many nanoseconds each is made longer. The last is read anew each time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned long *ledger;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SLOW_FSYNC_LEDGER");
    if (!path)
        return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    void *page = mmap(NULL, 3 * sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED)
        ledger = page;
}

static int slowly(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct timespec began, ended, left = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &began);
    int outcome = real(file);
    int error = errno;
    if (ledger) {
        unsigned long delay = ledger[2];
        left.tv_sec = delay / 1000000000;
        left.tv_nsec = delay % 1000000000;
    }
    /* A database interrupts its processes by signals: the rest of the time is slept too. */
    while ((left.tv_sec || left.tv_nsec) && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    if (ledger) {
        long took = (ended.tv_sec - began.tv_sec) * 1000000000L + (ended.tv_nsec - began.tv_nsec);
        atomic_fetch_add(&ledger[0], 1);
        atomic_fetch_add(&ledger[1], (unsigned long)took);
    }
    errno = error;
    return outcome;
}

int fsync(int file) { return slowly("fsync", file); }

int fdatasync(int file) { return slowly("fdatasync", file); }
