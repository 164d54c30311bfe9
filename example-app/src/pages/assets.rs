use rocket::get;
use rocket::http::{ContentType, Header};
use rocket::response::Responder;

/// A file that is part of the program. It holds no candidate's data.
#[derive(Responder)]
pub(super) struct Asset {
    content: (ContentType, &'static str),
    cache: Header<'static>,
}

impl Asset {
    fn new(content_type: ContentType, content: &'static str) -> Self {
        Self { content: (content_type, content), cache: Header::new("Cache-Control", "max-age=300") }
    }
}

#[get("/assets/desk.css")]
pub(super) fn style() -> Asset {
    Asset::new(ContentType::CSS, include_str!("../../assets/desk.css"))
}

#[get("/assets/desk.js")]
pub(super) fn script() -> Asset {
    Asset::new(ContentType::JavaScript, include_str!("../../assets/desk.js"))
}

#[get("/assets/desk.svg")]
pub(super) fn icon() -> Asset {
    Asset::new(ContentType::SVG, include_str!("../../assets/desk.svg"))
}
