package nestbox.console.subject;

/// What hypervisor this is, and who made it from what.
///
/// @param release such as 2.5
/// @param built date and time
/// @param debug whether it is a debug build
/// @param tag name of a daily build, may be empty
/// @param tools what the configuration tools add, may be empty
public record Version(
        String release,
        String built,
        String commit,
        boolean debug,
        String tag,
        String scenario,
        String board,
        String user,
        String tools,
        int apiMajor,
        int apiMinor) {}
