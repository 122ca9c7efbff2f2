package nestbox.hypervisor;

import nestbox.platform.PortIo;

/// Ports behind which a virtual machine finds nothing: those of a device that L0 keeps.
record HiddenPorts() implements PortIo {
    @Override
    public int read(int port, int size) {
        return -1;
    }

    @Override
    public void write(int port, int size, int value) {}
}
