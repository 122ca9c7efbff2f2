package nestbox.cpu.vmx;

import nestbox.cpu.core.Insn;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

/// PAUSE in a guest, alone or in a loop. SDM Vol. 3C, "PAUSE" in "Instructions That Cause VM Exits
/// Conditionally".
final class PauseLoop {
    private final Vmx vmx;
    private long first;
    private long last;

    PauseLoop(Vmx vmx) {
        this.vmx = vmx;
    }

    /// A loop doesn't go on across a VM entry.
    void begin() {
        first = 0;
        last = 0;
    }

    /// @return false: PAUSE goes on as usual
    boolean check(Insn insn) {
        boolean exits =
                vmx.on(PrimaryControl.PAUSE_EXITING)
                        || vmx.cpu.cpl == 0
                                && vmx.on(SecondaryControl.PAUSE_LOOP_EXITING)
                                && isTooLong();
        if (exits) {
            throw vmx.exit(insn, ExitReason.PAUSE, 0);
        }
        return false;
    }

    private boolean isTooLong() {
        long now = vmx.cpu.tsc.now();
        boolean starts = last == 0 || now - last > vmx.vmcs().read(VmcsField.PLE_GAP);
        last = now;
        if (starts) {
            first = now;
            return false;
        }
        return now - first > vmx.vmcs().read(VmcsField.PLE_WINDOW);
    }
}
