//! The operator as it is installed: its image, by its chart, as a Pod on a whole Kubernetes node.
//!
//! These need root on Linux and some system packages (`scripts/node-packages`); `GROUPAROO_E2E=skip` leaves them out.

mod disturbed;
mod elf;
mod image;
mod installation;
mod quickstart;
mod world;
