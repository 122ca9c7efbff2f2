package nestbox.hypervisor.nested;

import nestbox.cpu.entry.VmcsView;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.Arrays;

/// The bitmaps by which L2's accesses to ports and MSRs exit: L1's and L0's together, in pages of
/// L0's. L1 may write to its own at any time, so they are looked at before each VM entry.
final class MergedBitmaps {
    private static final int SIZE = (int) GuestMemory.PAGE_SIZE;
    private static final byte EXITS = -1;
    private static final int WRITES = 0x800;

    /// The x2APIC registers are 0x800 to 0x8FF.
    private static final int FIRST_X2APIC = 0x800;

    private static final int X2APIC_REGISTERS = 0x100;
    private static final int TPR = 0x808;
    private static final int EOI = 0x80B;
    private static final int SELF_IPI = 0x83F;

    private final Parent parent;
    private final L1Memory memory;
    private final GuestMemory board;
    private final Merged ioA;
    private final Merged ioB;
    private final Merged msrs;

    /// One of them, with what it was made of.
    private final class Merged {
        final long page;
        private final byte[] wanted = new byte[SIZE];
        private final byte[] own = new byte[SIZE];
        private final byte[] wantedBefore = new byte[SIZE];
        private final byte[] ownBefore = new byte[SIZE];
        private final byte[] both = new byte[SIZE];
        private long exempt;

        Merged(PagePool pages) {
            page = pages.takeOwn();
        }

        /// @param exemptions x2APIC registers whose accesses never reach L0's
        void merge(long address12, long address01, long exemptions) {
            read(address12, wanted);
            board.read(address01, own, 0, SIZE);
            if (exempt == exemptions
                    && Arrays.equals(wanted, wantedBefore)
                    && Arrays.equals(own, ownBefore)) {
                return;
            }
            exempt = exemptions;
            System.arraycopy(wanted, 0, wantedBefore, 0, SIZE);
            System.arraycopy(own, 0, ownBefore, 0, SIZE);
            for (int i = 0; i < SIZE; i++) {
                both[i] = (byte) (wanted[i] | own[i]);
            }
            exempt(exemptions);
            board.write(page, both, 0, SIZE);
        }

        /// L1's bit alone counts.
        private void exempt(long exemptions) {
            if ((exemptions & Exemption.ALL_READS) != 0) {
                for (int i = 0; i < X2APIC_REGISTERS; i++) {
                    exempt(FIRST_X2APIC + i, 0);
                }
            }
            if ((exemptions & Exemption.TPR) != 0) {
                exempt(TPR, 0);
                exempt(TPR, WRITES);
            }
            if ((exemptions & Exemption.DELIVERY) != 0) {
                exempt(EOI, WRITES);
                exempt(SELF_IPI, WRITES);
            }
        }

        private void exempt(int msr, int part) {
            int at = part + msr / Byte.SIZE;
            int bit = 1 << msr % Byte.SIZE;
            both[at] = (byte) (both[at] & ~bit | wanted[at] & bit);
        }
    }

    /// Bits of what is exempt.
    private static final class Exemption {
        static final long ALL_READS = 1;
        static final long TPR = 2;
        static final long DELIVERY = 4;
    }

    MergedBitmaps(Parent parent, L1Memory memory) {
        this.parent = parent;
        this.memory = memory;
        board = parent.pages().memory();
        ioA = new Merged(parent.pages());
        ioB = new Merged(parent.pages());
        msrs = new Merged(parent.pages());
    }

    /// What isn't RAM reads as ones.
    private void read(long address12, byte[] into) {
        memory.page(address12)
                .ifPresentOrElse(
                        page -> board.read(page, into, 0, SIZE), () -> Arrays.fill(into, EXITS));
    }

    void merge(VmcsView l1) {
        if (l1.isSet(PrimaryControl.USE_MSR_BITMAPS)) {
            msrs.merge(l1.read(VmcsField.MSR_BITMAPS), parent.msrBitmap01(), exemptions(l1));
        }
        if (l1.isSet(PrimaryControl.USE_IO_BITMAPS)) {
            ioA.merge(l1.read(VmcsField.IO_BITMAP_A), parent.ioBitmapA01(), 0);
            ioB.merge(l1.read(VmcsField.IO_BITMAP_B), parent.ioBitmapB01(), 0);
        }
    }

    /// Accesses that the processor virtualizes for L2 don't reach L1's local APIC. SDM Vol. 3C,
    /// "Virtualizing MSR-Based APIC Accesses".
    private static long exemptions(VmcsView l1) {
        if (!l1.isSet(SecondaryControl.VIRTUALIZE_X2APIC_MODE)) {
            return 0;
        }
        boolean registers = l1.isSet(SecondaryControl.APIC_REGISTER_VIRTUALIZATION);
        boolean delivery = l1.isSet(SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY);
        return Exemption.TPR
                | (registers ? Exemption.ALL_READS : 0)
                | (delivery ? Exemption.DELIVERY : 0);
    }

    long msrPage() {
        return msrs.page;
    }

    long ioPageA() {
        return ioA.page;
    }

    long ioPageB() {
        return ioB.page;
    }
}
