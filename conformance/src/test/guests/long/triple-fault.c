/* A fault while #DF is delivered shuts the processor down, and the board resets: @ends reset. */
#include "guest.h"

void program(void)
{
    set_idt_gate(DF, KERNEL_CODE, vector_stub(DF), INT32, 1);
    set_idt_gate(GP, KERNEL_CODE, vector_stub(GP), INT32, 1);
    set_idt_gate(NP, KERNEL_CODE, vector_stub(NP), INT32, 1);
    check("before", true);
    run_code(user(), CODE("hlt"));
    check("still running", false);
}
