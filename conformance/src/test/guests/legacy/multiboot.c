/* What a multiboot 1 loader leaves: Multiboot Specification 0.6.96, "Boot information format". */
#include "guest.h"

extern u8 image_end[];

static u32 info[22];
static u8 map[4096];

void before_start(void)
{
    memcpy(info, (void *)boot_information, sizeof info);
    memcpy(map, (void *)info[12], info[11] < sizeof map ? info[11] : sizeof map);
}

void program(void)
{
    check_equal("EAX", boot_magic, 0x2badb002);
    check_equal("mem_lower and mem_upper are there", info[0] & 1, 1);
    check("mem_lower is at most 640 KiB", info[1] > 0 && info[1] <= 640);
    check("mem_upper is some 127 MiB", info[2] > 120 * 1024 && info[2] <= 127 * 1024);
    check_equal("a memory map is there", info[0] >> 6 & 1, 1);
    bool contains = false, sorted = true;
    u64 last = 0;
    u32 ranges = 0;
    for (u32 at = (u32)map; at < (u32)map + info[11]; at += *(u32 *)at + 4) {
        u64 start = *(u64 *)(at + 4), length = *(u64 *)(at + 12);
        u32 type = *(u32 *)(at + 20);
        contains |= type == 1 && start <= 0x100000 && start + length >= (u32)image_end;
        sorted &= start >= last;
        last = start + length;
        ranges++;
    }
    check("the map has ranges", ranges >= 2);
    check("the map says RAM for this program", contains);
    check("the map is sorted and does not overlap", sorted);
    if (info[0] >> 2 & 1)
        check("the command line lies in memory", info[4] && info[4] < 128u << 20);
    else
        skip("command line", "none given");
    check_equal("A20 is open", *(volatile u32 *)0x100000 != *(volatile u32 *)0 || *(volatile u32 *)0x100004 != *(volatile u32 *)4, true);
}
