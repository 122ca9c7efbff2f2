package nestbox.hypervisor;

import nestbox.hypervisor.devicemodel.IoRequest;
import nestbox.hypervisor.devicemodel.IoRequest.Kind;
import nestbox.hypervisor.devicemodel.IoRequestBuffer;
import nestbox.hypervisor.emulate.Attempts;
import nestbox.platform.PortIo;

/// The accesses of a vCPU that its device model answers.
final class Forwarding implements PortIo {
    private final Vcpu vcpu;
    private final DeviceModel model;
    private final Attempts<IoRequest> attempts = new Attempts<>();
    private boolean waiting;
    private boolean finished;

    Forwarding(Vcpu vcpu, DeviceModel model) {
        this.vcpu = vcpu;
        this.model = model;
    }

    // Attempts

    /// An exit is handled, maybe not for the first time.
    void begin() {
        attempts.begin();
    }

    /// The exit is handled, or an iteration of its instruction complete.
    void done() {
        attempts.done();
    }

    /// Sends the request that ended the attempt.
    void send() {
        waiting = true;
        finished = false;
        model.request(vcpu.id(), attempts.asked());
    }

    /// The device model says that it's done.
    void finish() {
        finished = true;
    }

    /// Takes the answer, if it's there.
    boolean answered() {
        IoRequestBuffer buffer = model.buffer().orElseThrow();
        if (!waiting || !(finished || model.isPolled()) || !buffer.isComplete(vcpu.id())) {
            return false;
        }
        attempts.answer(buffer.value(vcpu.id()));
        buffer.free(vcpu.id());
        waiting = false;
        return true;
    }

    /// Nobody waits for an answer any more.
    void cancel() {
        waiting = false;
        done();
    }

    // Accesses

    @Override
    public int read(int port, int size) {
        return vcpu.vm().ports().isMapped(port)
                ? vcpu.vm().ports().read(port, size)
                : (int) access(IoRequest.read(Kind.PORT, port, size));
    }

    @Override
    public void write(int port, int size, int value) {
        if (vcpu.vm().ports().isMapped(port)) {
            vcpu.vm().ports().write(port, size, value);
        } else {
            access(IoRequest.write(Kind.PORT, port, size, Integer.toUnsignedLong(value)));
        }
    }

    /// @return what the device model has read; nothing of interest for a write
    long access(IoRequest request) {
        return attempts.access(request);
    }
}
