use rocket_mojito::MojitoEvent;

#[rocket::post("/hook")]
fn hook(event: MojitoEvent) -> String {
    event.kind().to_string()
}

fn main() {}
