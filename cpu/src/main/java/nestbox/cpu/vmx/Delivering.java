package nestbox.cpu.vmx;

import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;

/// An event on its way through the IDT.
///
/// @param errorCode −1 when there is none
/// @param instructionLength of the instruction that is the event, 0 for others
/// @param resume value of RF that it pushes
public record Delivering(
        InterruptionType type, int vector, int errorCode, int instructionLength, boolean resume) {
    /// In the form of the interruption-information fields.
    InterruptionInformation information() {
        InterruptionInformation plain = InterruptionInformation.of(type, vector);
        return errorCode >= 0 ? plain.withErrorCode() : plain;
    }
}
