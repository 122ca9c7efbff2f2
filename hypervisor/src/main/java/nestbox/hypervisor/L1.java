package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.MsrAccess;
import nestbox.hypervisor.emulate.Access;
import nestbox.hypervisor.emulate.GuestLinear;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.nested.Parent;

/// A vCPU as its nested guests need it.
record L1(Vcpu vcpu, GuestLinear linear, PagePool pages) implements Parent {
    @Override
    public VmxRoot root() {
        return vcpu.root();
    }

    @Override
    public long vmcs01() {
        return vcpu.vmcs01();
    }

    @Override
    public EptTables memory() {
        return vcpu.vm().memory();
    }

    @Override
    public int vpid(int context) {
        return vcpu.vpid(context);
    }

    @Override
    public MsrAccess msrs() {
        return vcpu.msrs();
    }

    @Override
    public long msrBitmap01() {
        return vcpu.msrs().bitmap().address();
    }

    @Override
    public long ioBitmapA01() {
        return vcpu.vm().portExits().addressA();
    }

    @Override
    public long ioBitmapB01() {
        return vcpu.vm().portExits().addressB();
    }

    @Override
    public long linear(int segment, long offset, int width, boolean write) {
        return linear.linear(segment, offset, width, write ? Access.WRITE : Access.READ);
    }

    @Override
    public long readLinear(long address, int width) {
        return linear.read(address, width);
    }

    @Override
    public void writeLinear(long address, int width, long value) {
        linear.write(address, width, value);
    }

    @Override
    public boolean hasVirtualApic() {
        return vcpu.virtualApic().isPresent();
    }

    @Override
    public Resume shutDown(String reason) {
        vcpu.vm().fail("vCPU %d: %s".formatted(vcpu.id(), reason));
        return Resume.STOP;
    }
}
