package nestbox.cpu.core;

import nestbox.x86.Vector;

/// An exception that the guest's instruction raised. One per processor, preallocated and without
/// a stack trace: it is thrown through the handlers to the step loop, which delivers it.
@SuppressWarnings("serial") // never serialized
public final class GuestFault extends RuntimeException {
    private int vector;
    private int errorCode;

    public GuestFault() {
        super(null, null, false, false);
    }

    public int vector() {
        return vector;
    }

    public int errorCode() {
        return errorCode;
    }

    public GuestFault of(int vector, int errorCode) {
        this.vector = vector;
        this.errorCode = errorCode;
        return this;
    }

    @Override
    public String getMessage() {
        return "%s(%X)".formatted(Vector.name(vector), errorCode);
    }
}
