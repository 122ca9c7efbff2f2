package nestbox.app.cli;

/// What the process tells its caller. The only other values are those that a guest program itself
/// passes on through the exit port. [RunOptions] says what each means.
enum ExitStatus {
    SUCCESS(0),
    FINDINGS(1),
    USER_MISTAKE(2),
    GUEST_CRASHED(3),
    TIME_LIMIT(4),
    INTERNAL_ERROR(70);

    private final int code;

    ExitStatus(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }
}
