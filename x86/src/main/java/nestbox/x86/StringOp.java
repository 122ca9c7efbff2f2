package nestbox.x86;

/// String operations, and the I/O instructions that share their table rows.
public enum StringOp implements Op {
    // spotless:off
    MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, IN,
    OUT,
    // spotless:on
}
