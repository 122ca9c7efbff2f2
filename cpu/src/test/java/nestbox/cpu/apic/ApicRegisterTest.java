package nestbox.cpu.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ApicRegisterTest {
    @Test
    void msrFollowsFromTheOffset() {
        assertThat(ApicRegister.ID.msr()).isEqualTo(0x802);
        assertThat(ApicRegister.END_OF_INTERRUPT.msr()).isEqualTo(0x80B);
        assertThat(ApicRegister.INTERRUPT_REQUEST.msr()).isEqualTo(0x820);
        assertThat(ApicRegister.LVT_CMCI.msr()).isEqualTo(0x82F);
        assertThat(ApicRegister.INTERRUPT_COMMAND.msr()).isEqualTo(0x830);
        assertThat(ApicRegister.SELF_IPI.msr()).isEqualTo(0x83F);
    }

    @Test
    void everySlotOfARegisterLeadsToIt() {
        int slots = 0;
        for (ApicRegister register : ApicRegister.values()) {
            for (int i = 0; i < register.count(); i++) {
                assertThat(ApicRegister.isRegister(register.slot() + i)).isTrue();
                assertThat(ApicRegister.at(register.slot() + i)).isEqualTo(register);
                slots++;
            }
        }
        int found = 0;
        for (int slot = -1; slot < 0x101; slot++) {
            found += ApicRegister.isRegister(slot) ? 1 : 0;
        }
        assertThat(found).isEqualTo(slots);
    }

    @Test
    void whatIsReadOnlyHasNoWritableBits() {
        for (ApicRegister register : ApicRegister.values()) {
            if (!register.xapic().writable() && !register.x2apic().writable()) {
                assertThat(register.writableBits()).as(register.name()).isZero();
            }
        }
    }
}
