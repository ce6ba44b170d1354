//! What runs now: calls, what they hold, their streams and their shadows.

use super::Metrics;

impl Metrics {
    /// Gives them their names.
    pub(super) fn register_running(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "tollward_inflight",
            "Calls from admission to settlement",
            self.in_flight.clone(),
        );
        registry.register(
            "tollward_inflight_bytes",
            "Bytes of the bodies that running calls hold",
            self.in_flight_bytes.clone(),
        );
        registry.register(
            "tollward_shadows_active",
            "Copies of calls that another model is asked",
            self.shadows.clone(),
        );
        registry.register(
            "tollward_streams_active",
            "Streams being delivered",
            self.streams.clone(),
        );
    }
}
