package nestbox.devices.rtc;

import static nestbox.devices.rtc.RtcRegisters.*;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;

/// The bytes of a date and time as register B says they look: BCD or binary, 12 or 24 hours.
///
/// A guest can write any bytes. Fields that are out of range carry over into the next, so every
/// combination is some date.
record TimeFormat(boolean binary, boolean hours24) {
    private static final int SECONDS_PER_HOUR = 3600;

    static TimeFormat of(int registerB) {
        return new TimeFormat((registerB & DM_BINARY) != 0, (registerB & HOURS_24) != 0);
    }

    /// Writes the time registers and the century.
    ///
    /// @param weekdayShift by how many days the guest's day of week is ahead of the true one
    void encode(long epochSecond, int weekdayShift, byte[] into) {
        LocalDateTime time = LocalDateTime.ofEpochSecond(epochSecond, 0, ZoneOffset.UTC);
        into[SECONDS] = number(time.getSecond());
        into[MINUTES] = number(time.getMinute());
        into[HOURS] = hour(time.getHour());
        into[DAY_OF_WEEK] = number(Math.floorMod(weekday(epochSecond) + weekdayShift, 7) + 1);
        into[DATE_OF_MONTH] = number(time.getDayOfMonth());
        into[MONTH] = number(time.getMonthValue());
        into[YEAR] = number(Math.floorMod(time.getYear(), 100));
        into[CENTURY] = number(Math.floorMod(Math.floorDiv(time.getYear(), 100), 100));
    }

    long epochSecond(byte[] from) {
        int year = 100 * value(from[CENTURY]) + value(from[YEAR]);
        LocalDate date =
                LocalDate.of(year, 1, 1)
                        .plusMonths(value(from[MONTH]) - 1)
                        .plusDays(value(from[DATE_OF_MONTH]) - 1);
        return date.toEpochDay() * 24 * SECONDS_PER_HOUR
                + hourValue(from[HOURS]) * SECONDS_PER_HOUR
                + value(from[MINUTES]) * 60
                + value(from[SECONDS]);
    }

    /// By how many days the guest's day of week is ahead of that of the date.
    int weekdayShift(byte[] from) {
        return Math.floorMod(value(from[DAY_OF_WEEK]) - 1 - weekday(epochSecond(from)), 7);
    }

    int value(byte raw) {
        return binary ? raw & 0xFF : (raw >> 4 & 0xF) * 10 + (raw & 0xF);
    }

    int hourValue(byte raw) {
        if (hours24) {
            return value(raw);
        }
        int hour = value((byte) (raw & ~PM)) % 12;
        return (raw & PM) != 0 ? hour + 12 : hour;
    }

    private byte number(int value) {
        return (byte) (binary ? value : value / 10 << 4 | value % 10);
    }

    private byte hour(int value) {
        if (hours24) {
            return number(value);
        }
        int hour = value % 12 == 0 ? 12 : value % 12;
        return (byte) (number(hour) | (value >= 12 ? PM : 0));
    }

    /// 0 for Sunday; 1 January 1970 was a Thursday.
    private static int weekday(long epochSecond) {
        return (int) Math.floorMod(Math.floorDiv(epochSecond, 24L * SECONDS_PER_HOUR) + 4, 7L);
    }
}
