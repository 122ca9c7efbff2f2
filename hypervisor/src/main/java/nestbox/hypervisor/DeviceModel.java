package nestbox.hypervisor;

import nestbox.hypervisor.devicemodel.IoRequest;
import nestbox.hypervisor.devicemodel.IoRequestBuffer;

import java.util.Optional;

/// The device model of a post-launched virtual machine, which is a program of the Service VM: where
/// requests are put for it, and how it hears of them.
final class DeviceModel {
    private final Runnable upcall;
    private final boolean polled;
    private Optional<IoRequestBuffer> buffer = Optional.empty();

    /// @param upcall interrupts the Service VM
    /// @param polled whether L0 is to look for completion, without being told
    DeviceModel(Runnable upcall, boolean polled) {
        this.upcall = upcall;
        this.polled = polled;
    }

    boolean isPolled() {
        return polled;
    }

    Optional<IoRequestBuffer> buffer() {
        return buffer;
    }

    void buffer(IoRequestBuffer shared) {
        buffer = Optional.of(shared);
    }

    void request(int vcpu, IoRequest request) {
        buffer.orElseThrow().post(vcpu, request);
        upcall.run();
    }
}
