/* COM1, the exit port, and the lines that say how each check went. */
#include <stdarg.h>

#include "guest.h"

#define COM1 0x3f8
#define EXIT_PORT 0xf4

static unsigned failures;

static void put(char c)
{
    while (!(in8(COM1 + 5) & 0x20))
        pause();
    out8(COM1, c);
}

/* 115200 8n1, no interrupts. */
void open_console(void)
{
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 0x80);
    out8(COM1, 1);
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 3);
}

struct sink {
    char *at, *end; /* none: the console */
};

static void emit(struct sink *sink, char c)
{
    if (!sink->at)
        put(c);
    else if (sink->at + 1 < sink->end)
        *sink->at++ = c;
}

static void number(struct sink *sink, u64 value, unsigned base, unsigned width, char pad)
{
    char digits[24];
    unsigned n = 0;
    if (base == 10 && value >> 32)
        base = 16; /* no 64-bit division in 32-bit code */
    do {
        unsigned digit = base == 16 ? value & 15 : (u32)value % 10;
        digits[n++] = "0123456789abcdef"[digit];
        value = base == 16 ? value >> 4 : (u32)value / 10;
    } while (value);
    while (width-- > n)
        emit(sink, pad);
    while (n)
        emit(sink, digits[--n]);
}

static void format_to(struct sink *sink, const char *format, va_list list)
{
    for (; *format; format++) {
        if (*format != '%') {
            emit(sink, *format);
            continue;
        }
        char pad = ' ';
        unsigned width = 0, longs = 0;
        format++;
        if (*format == '0')
            pad = *format++;
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + *format - '0';
        for (; *format == 'l'; format++)
            longs++;
        if (*format == 's') {
            for (const char *s = va_arg(list, const char *); *s; s++)
                emit(sink, *s);
        } else if (*format == 'c') {
            emit(sink, va_arg(list, int));
        } else {
            u64 value = longs == 2 ? va_arg(list, u64) : longs ? va_arg(list, word) : va_arg(list, u32);
            if (*format == 'd' && (int)value < 0) {
                emit(sink, '-');
                value = -(int)value;
            }
            number(sink, value, *format == 'x' ? 16 : 10, width ? width : 1, pad);
        }
    }
}

void print(const char *format, ...)
{
    struct sink sink = {0};
    va_list list;
    va_start(list, format);
    format_to(&sink, format, list);
    va_end(list);
}

void format_text(char *out, size_t size, const char *format, ...)
{
    struct sink sink = {out, out + size};
    va_list list;
    va_start(list, format);
    format_to(&sink, format, list);
    va_end(list);
    *sink.at = 0;
}

const char *named(const char *format, ...)
{
    static char names[8][96];
    static unsigned next;
    char *name = names[next++ % 8];
    struct sink sink = {name, name + sizeof names[0]};
    va_list list;
    va_start(list, format);
    format_to(&sink, format, list);
    va_end(list);
    *sink.at = 0;
    return name;
}

void fail(const char *name, const char *expected, const char *actual)
{
    failures++;
    print("FAIL %s: expected %s got %s\n", name, expected, actual);
}

void pass(const char *name)
{
    print("ok %s\n", name);
}

void check(const char *name, bool truth)
{
    if (truth)
        pass(name);
    else
        fail(name, "true", "false");
}

void check_equal(const char *name, u64 actual, u64 expected)
{
    if (actual == expected)
        pass(name);
    else
        fail(name, named("0x%llx", expected), named("0x%llx", actual));
}

void skip(const char *name, const char *why)
{
    print("skip %s: %s\n", name, why);
}

void finish(void)
{
    print("end %u\n", failures);
    out8(EXIT_PORT, failures != 0);
    for (;;)
        asm volatile("cli\nhlt");
}
