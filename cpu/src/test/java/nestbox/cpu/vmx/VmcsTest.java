package nestbox.cpu.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

class VmcsTest {
    private static final long SEED = 7;
    private static final long ADDRESS = 0x3000;

    private final GuestMemory memory = new GuestMemory(1 << 20);
    private final VmxCapabilities capabilities =
            VmxCapabilities.ofSilicon(CpuModel.kabylake().vmx());
    private final VmcsLayout layout = VmcsLayout.of(capabilities);

    @AfterEach
    void close() {
        memory.close();
    }

    private Vmcs vmcs() {
        return Vmcs.at(memory, layout, ADDRESS).orElseThrow();
    }

    @Test
    void fieldsFitTheReportedSizeAndDoNotOverlap() {
        for (CpuModel model : CpuModel.all()) {
            VmxCapabilities silicon = VmxCapabilities.ofSilicon(model.vmx());
            VmcsLayout all = VmcsLayout.of(silicon);
            assertThat(all.end()).as(model.name()).isLessThanOrEqualTo(silicon.regionSize());
            boolean[] used = new boolean[all.end()];
            for (VmcsField field : silicon.fields()) {
                int bytes = field.width().bytes();
                assertThat(all.offset(field) % bytes).as("%s", field).isZero();
                for (int i = 0; i < bytes; i++) {
                    assertThat(used[all.offset(field) + i]).as("%s", field).isFalse();
                    used[all.offset(field) + i] = true;
                }
            }
        }
    }

    @Test
    void everyFieldKeepsAsMuchAsItHolds() {
        SplittableRandom random = new SplittableRandom(SEED);
        long[] written = new long[VmcsField.values().length];
        for (VmcsField field : VmcsField.values()) {
            long value = random.nextLong();
            vmcs().write(field, value);
            int unused = 64 - 8 * field.width().bytes();
            written[field.ordinal()] = capabilities.has(field) ? value << unused >>> unused : 0;
        }
        for (VmcsField field : VmcsField.values()) {
            assertThat(vmcs().read(field))
                    .as("%s, seed %d", field, SEED)
                    .isEqualTo(written[field.ordinal()]);
        }
    }

    @Test
    void aCopyOfAClearedRegionIsTheSameVmcs() {
        Vmcs original = vmcs();
        original.launched(1);
        original.write(VmcsField.GUEST_RIP, 0x1234);
        original.clear();
        byte[] region = new byte[VmcsRegion.SIZE];
        memory.read(ADDRESS, region, 0, region.length);
        memory.write(0x8000, region, 0, region.length);
        Vmcs copy = Vmcs.at(memory, layout, 0x8000).orElseThrow();
        assertThat(copy.read(VmcsField.GUEST_RIP)).isEqualTo(0x1234);
        assertThat(copy.isLaunched()).isFalse();
    }

    @Test
    void theLaunchStateIsKeptInTheRegion() {
        assertThat(vmcs().isLaunched()).isFalse();
        vmcs().launched(3);
        assertThat(vmcs().isLaunched()).isTrue();
        assertThat(vmcs().launchedIn()).isEqualTo(3);
        vmcs().clear();
        assertThat(vmcs().isLaunched()).isFalse();
    }

    @Test
    void revisionAndAbortIndicatorAreWhereTheManualHasThem() {
        memory.writeInt(ADDRESS, 4 | 1 << 31);
        vmcs().abort(4);
        assertThat(vmcs().isShadow()).isTrue();
        assertThat(vmcs().revisionWord() & ~VmcsRegion.SHADOW).isEqualTo(4);
        assertThat(memory.readInt(ADDRESS + 4)).isEqualTo(4);
    }

    @Test
    void thereIsNoVmcsWhereThereIsNoMemory() {
        assertThat(Vmcs.at(memory, layout, 0xF000_0000L)).isEmpty();
        assertThat(Vmcs.at(memory, layout, 0x7FFF_FFFF_F000L)).isEmpty();
    }

    @Test
    void aControlCountsOnlyWhenItsWordIsActive() {
        Vmcs vmcs = vmcs();
        vmcs.write(VmcsField.SECONDARY_CONTROLS, SecondaryControl.ENABLE_EPT.mask());
        vmcs.write(VmcsField.PRIMARY_CONTROLS, 0);
        assertThat(vmcs.isSet(SecondaryControl.ENABLE_EPT)).isFalse();
        vmcs.write(VmcsField.PRIMARY_CONTROLS, PrimaryControl.ACTIVATE_SECONDARY_CONTROLS.mask());
        assertThat(vmcs.isSet(SecondaryControl.ENABLE_EPT)).isTrue();
    }
}
