use rocket_mojito::{MojitoConfig, MojitoFairing};

struct HiringDb;

fn main() {
    let _ = MojitoFairing::<HiringDb>::new(MojitoConfig::new());
}
