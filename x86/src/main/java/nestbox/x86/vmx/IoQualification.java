package nestbox.x86.vmx;

/// Exit qualification of I/O instructions. SDM Vol. 3C, Table "Exit Qualification for I/O
/// Instructions".
///
/// @param bytes 1, 2 or 4; bits 2:0 hold one less
/// @param input bit 3: IN or INS
/// @param string bit 4: INS or OUTS
/// @param repeated bit 5: with a REP prefix
/// @param immediate bit 6: the port number is in the instruction, not in DX
/// @param port bits 31:16
public record IoQualification(
        int bytes, boolean input, boolean string, boolean repeated, boolean immediate, int port) {
    public static IoQualification of(long field) {
        return new IoQualification(
                ((int) field & 7) + 1,
                (field & 1 << 3) != 0,
                (field & 1 << 4) != 0,
                (field & 1 << 5) != 0,
                (field & 1 << 6) != 0,
                (int) field >>> 16 & 0xFFFF);
    }

    public long toLong() {
        return bytes - 1
                | (input ? 1 << 3 : 0)
                | (string ? 1 << 4 : 0)
                | (repeated ? 1 << 5 : 0)
                | (immediate ? 1 << 6 : 0)
                | (port & 0xFFFFL) << 16;
    }
}
