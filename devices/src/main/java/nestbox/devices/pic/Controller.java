package nestbox.devices.pic;

/// One 8259A, after Intel's data sheet "8259A Programmable Interrupt Controller", in the form it
/// has in Intel's I/O controller hubs: the trigger mode comes from ELCR, not from ICW1.
///
/// A request that goes away before it is acknowledged is withdrawn, also in edge mode; the
/// processor then gets the default vector of IR7.
final class Controller {
    /// No interrupt request; also the input of the default vector.
    static final int NONE = -1;

    private static final int DEFAULT_INPUT = 7;
    private static final int POLL_INTERRUPT = 0x80;

    // A0 = 0: which word
    private static final int IS_ICW1 = 0x10;
    private static final int IS_OCW3 = 0x08;

    // ICW1
    private static final int IC4 = 0x01;
    private static final int SNGL = 0x02;
    private static final int ADI = 0x04;

    // ICW4
    private static final int UPM = 0x01;
    private static final int AEOI = 0x02;
    private static final int SFNM = 0x10;

    // OCW3
    private static final int RIS = 0x01;
    private static final int RR = 0x02;
    private static final int POLL = 0x04;
    private static final int SMM = 0x20;
    private static final int ESMM = 0x40;

    private int lines;
    private int edges;
    private int inService;
    private int mask;
    private int levelTriggered;
    private int step;
    private int icw1;
    private int icw2;
    private int icw3;
    private int icw4;
    private int lowest;
    private boolean readInService;
    private boolean poll;
    private boolean specialMask;
    private boolean rotateOnAutoEoi;
    private boolean initialized;

    /// After power-on the data sheet leaves everything undefined until ICW1; nothing is requested.
    void reset() {
        edges = 0;
        inService = 0;
        mask = 0xFF;
        levelTriggered = 0;
        step = 0;
        icw1 = 0;
        icw2 = 0;
        icw3 = 0;
        icw4 = 0;
        lowest = DEFAULT_INPUT;
        readInService = false;
        poll = false;
        specialMask = false;
        rotateOnAutoEoi = false;
        initialized = false;
    }

    void setLine(int input, boolean asserted) {
        int bit = 1 << input;
        if (asserted) {
            edges |= bit & ~lines;
            lines |= bit;
        } else {
            edges &= ~bit;
            lines &= ~bit;
        }
    }

    int levelTriggered() {
        return levelTriggered;
    }

    void setLevelTriggered(int inputs) {
        levelTriggered = inputs;
    }

    /// Whether an input is wired to a slave.
    boolean cascades(int input) {
        return (icw1 & SNGL) == 0 && (icw3 & 1 << input) != 0;
    }

    /// Whether this controller, as a slave, answers to a cascade address.
    boolean answersTo(int cascadeAddress) {
        return (icw3 & 7) == cascadeAddress;
    }

    /// The INT output.
    boolean requests() {
        return highestRequest() != NONE;
    }

    /// The input with the highest priority among those that may interrupt now.
    int highestRequest() {
        if (!initialized || step != 0) {
            return NONE;
        }
        int requests = requestRegister() & ~mask;
        int blocking = specialMask ? inService & ~mask : inService;
        for (int i = 1; i <= 8; i++) {
            int input = lowest + i & 7;
            int bit = 1 << input;
            boolean specialNested = (icw4 & SFNM) != 0 && cascades(input);
            if ((blocking & bit) != 0 && !specialNested) {
                return NONE;
            }
            if ((requests & bit) != 0) {
                return input;
            }
            if ((blocking & bit) != 0) {
                return NONE;
            }
        }
        return NONE;
    }

    /// The interrupt acknowledge sequence.
    ///
    /// @return the acknowledged input, or [#NONE] if there was no request any more
    int acknowledge() {
        int input = highestRequest();
        if (input == NONE) {
            return NONE;
        }
        int bit = 1 << input;
        edges &= ~bit;
        if ((icw4 & AEOI) == 0) {
            inService |= bit;
        } else if (rotateOnAutoEoi) {
            lowest = input;
        }
        return input;
    }

    /// What this controller puts on the bus for an acknowledged input.
    int vector(int input) {
        int number = input == NONE ? DEFAULT_INPUT : input;
        if ((icw4 & UPM) != 0) {
            return icw2 & 0xF8 | number;
        }
        // MCS-80/85 mode: the processor takes the low byte of the call address for a vector
        return (icw1 & ADI) != 0 ? icw1 & 0xE0 | number << 2 : icw1 & 0xC0 | number << 3;
    }

    int readCommand() {
        if (poll) {
            return answerPoll();
        }
        return readInService ? inService : requestRegister();
    }

    int readData() {
        return poll ? answerPoll() : mask;
    }

    void writeCommand(int value) {
        if ((value & IS_ICW1) != 0) {
            initialize(value);
        } else if ((value & IS_OCW3) != 0) {
            writeOcw3(value);
        } else {
            writeOcw2(value);
        }
    }

    void writeData(int value) {
        switch (step) {
            case 2 -> {
                icw2 = value;
                step = (icw1 & SNGL) == 0 ? 3 : afterIcw3();
            }
            case 3 -> {
                icw3 = value;
                step = afterIcw3();
            }
            case 4 -> {
                icw4 = value;
                step = 0;
            }
            default -> mask = value;
        }
    }

    ControllerState save() {
        return new ControllerState(
                lines,
                edges,
                inService,
                mask,
                levelTriggered,
                step,
                icw1,
                icw2,
                icw3,
                icw4,
                lowest,
                readInService,
                poll,
                specialMask,
                rotateOnAutoEoi,
                initialized);
    }

    void restore(ControllerState state) {
        lines = state.lines();
        edges = state.edges();
        inService = state.inService();
        mask = state.mask();
        levelTriggered = state.levelTriggered();
        step = state.step();
        icw1 = state.icw1();
        icw2 = state.icw2();
        icw3 = state.icw3();
        icw4 = state.icw4();
        lowest = state.lowest();
        readInService = state.readInService();
        poll = state.poll();
        specialMask = state.specialMask();
        rotateOnAutoEoi = state.rotateOnAutoEoi();
        initialized = state.initialized();
    }

    private int requestRegister() {
        return edges & ~levelTriggered | lines & levelTriggered;
    }

    private int answerPoll() {
        poll = false;
        int input = acknowledge();
        return input == NONE ? 0 : POLL_INTERRUPT | input;
    }

    /// ICW1 and what it resets; section "Initialization Command Words 1 and 2".
    private void initialize(int value) {
        icw1 = value;
        icw3 = 0;
        icw4 = 0;
        edges = 0;
        inService = 0;
        mask = 0;
        lowest = DEFAULT_INPUT;
        readInService = false;
        poll = false;
        specialMask = false;
        rotateOnAutoEoi = false;
        initialized = true;
        step = 2;
    }

    private int afterIcw3() {
        return (icw1 & IC4) != 0 ? 4 : 0;
    }

    private void writeOcw3(int value) {
        if ((value & ESMM) != 0) {
            specialMask = (value & SMM) != 0;
        }
        poll = (value & POLL) != 0;
        if ((value & RR) != 0) {
            readInService = (value & RIS) != 0;
        }
    }

    /// OCW2: bits 7:5 are R (rotate), SL (specific level), EOI.
    private void writeOcw2(int value) {
        int level = value & 7;
        switch (value >> 5) {
            case 0b000 -> rotateOnAutoEoi = false;
            case 0b001 -> endHighest();
            case 0b011 -> inService &= ~(1 << level);
            case 0b100 -> rotateOnAutoEoi = true;
            case 0b101 -> {
                int ended = endHighest();
                if (ended != NONE) {
                    lowest = ended;
                }
            }
            case 0b110 -> lowest = level;
            case 0b111 -> {
                inService &= ~(1 << level);
                lowest = level;
            }
            default -> {} // no operation
        }
    }

    /// Non-specific end of interrupt; in special mask mode it passes over masked inputs.
    private int endHighest() {
        int candidates = specialMask ? inService & ~mask : inService;
        for (int i = 1; i <= 8; i++) {
            int input = lowest + i & 7;
            if ((candidates & 1 << input) != 0) {
                inService &= ~(1 << input);
                return input;
            }
        }
        return NONE;
    }
}
