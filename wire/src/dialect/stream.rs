//! Faults that every reader may meet.

use crate::chat::ChatEvent;
use crate::fault::Fault;
use crate::reader::StreamFault;

/// A failure that the reader found, without words of the vendor.
pub(crate) fn fault(fault: Fault) -> ChatEvent<'static> {
    ChatEvent::Fault(StreamFault { fault, error: None })
}

/// The bytes are not what the dialect says.
pub(crate) fn protocol_fault() -> ChatEvent<'static> {
    fault(Fault::Protocol)
}
