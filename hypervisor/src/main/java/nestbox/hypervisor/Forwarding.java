package nestbox.hypervisor;

import nestbox.hypervisor.devicemodel.IoRequest;
import nestbox.hypervisor.devicemodel.IoRequest.Kind;
import nestbox.hypervisor.devicemodel.IoRequestBuffer;
import nestbox.platform.PortIo;

import java.util.ArrayList;
import java.util.List;

/// The accesses of a vCPU that its device model answers.
///
/// L0 carries out an instruction as if everything were at hand. At the first access whose answer
/// isn't there, [Forwarded] ends the attempt; when the answer has come, there is another attempt,
/// which finds it here. So no instruction has to be taken to pieces, and one with several such
/// accesses makes them in order. An attempt that asks for something else than the one before, since
/// somebody has changed the instruction meanwhile, loses the answers from there on.
final class Forwarding implements PortIo {
    private final Vcpu vcpu;
    private final DeviceModel model;
    private final List<Answer> answers = new ArrayList<>();
    private int used;
    private IoRequest asked = IoRequest.read(Kind.PORT, 0, 1);
    private boolean waiting;
    private boolean finished;

    private record Answer(IoRequest request, long value) {}

    Forwarding(Vcpu vcpu, DeviceModel model) {
        this.vcpu = vcpu;
        this.model = model;
    }

    // Attempts

    /// An instruction is carried out, maybe not for the first time.
    void begin() {
        used = 0;
    }

    /// The instruction is complete, or an iteration of it: its accesses are history.
    void done() {
        answers.clear();
        used = 0;
    }

    /// Sends the request that ended the attempt.
    void send() {
        waiting = true;
        finished = false;
        model.request(vcpu.id(), asked);
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
        answers.add(new Answer(asked, buffer.value(vcpu.id())));
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
        if (used < answers.size()) {
            Answer answer = answers.get(used);
            if (answer.request.equals(request)) {
                used++;
                return answer.value;
            }
            answers.subList(used, answers.size()).clear();
        }
        asked = request;
        throw new Forwarded();
    }
}
