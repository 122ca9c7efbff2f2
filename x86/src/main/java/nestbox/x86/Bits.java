package nestbox.x86;

/// Bit tests, scans and counts.
public enum Bits implements Op {
    // spotless:off
    BT, BTS, BTR, BTC, BSF, BSR, POPCNT,
    BSWAP,
    // spotless:on
}
