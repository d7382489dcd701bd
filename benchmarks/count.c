/* A plugin for QEMU's emulation: counts the instructions that its guest runs, in a file of eight bytes that
   boot.py reads meanwhile. Each block of instructions counts whole when it is entered.

   QEMU's own header is in no package that every release has; what is used of it stands here. API is the
   version of that interface: 7 (QEMU 11.1) gives a block to its function in another order. */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

#if API < 7
#define TRANSLATED_ARGUMENTS plugin_id id, struct qemu_plugin_tb *block
#else
#define TRANSLATED_ARGUMENTS struct qemu_plugin_tb *block, void *data
#endif

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(TRANSLATED_ARGUMENTS), void *data);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

int qemu_plugin_version = API;

static uint64_t *counted;

static void entered(unsigned cpu, void *instructions)
{
    *counted += (uintptr_t)instructions;
}

static void translated(TRANSLATED_ARGUMENTS)
{
    qemu_plugin_register_vcpu_tb_exec_cb(block, entered, 0, (void *)qemu_plugin_tb_n_insns(block));
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    int file = argc == 1 && !strncmp(argv[0], "into=", 5) ? open(argv[0] + 5, O_RDWR) : -1;

    if (file < 0)
        return -1;
    counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counted == MAP_FAILED)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL); /* older ones ignore the last */
    return 0;
}
