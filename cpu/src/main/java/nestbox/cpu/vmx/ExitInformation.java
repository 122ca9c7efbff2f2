package nestbox.cpu.vmx;

import nestbox.x86.vmx.ExitReason;

/// What a VM exit that is about to happen will report. One per processor, filled in before the
/// exit is thrown.
final class ExitInformation {
    /// What the saved RFLAGS.RF is. SDM Vol. 3C, "Saving RIP, RSP, RFLAGS, and SSP".
    enum ResumeFlag {
        /// As it is: the event came between instructions.
        UNCHANGED,
        /// 0: an instruction exits because it was told to.
        CLEAR,
        /// 1: something like a fault, which would have pushed RF set.
        SET
    }

    ExitReason reason = ExitReason.EXCEPTION_OR_NMI;
    long qualification;
    int instructionLength;
    long instructionInformation;
    long interruption;
    long errorCode;
    long guestLinear;
    long guestPhysical;
    ResumeFlag resumeFlag = ResumeFlag.UNCHANGED;

    /// The event being delivered, if any, doesn't count as interrupted by the exit.
    boolean dropsVectoring;

    void begin(ExitReason newReason, long newQualification, ResumeFlag rf) {
        reason = newReason;
        qualification = newQualification;
        resumeFlag = rf;
        instructionLength = 0;
        instructionInformation = 0;
        interruption = 0;
        errorCode = 0;
        guestLinear = 0;
        guestPhysical = 0;
        dropsVectoring = false;
    }
}
