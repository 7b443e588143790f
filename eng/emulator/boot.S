/* What Bochs finds in memory where a machine has a boot loader. Two pieces, each linked to run at its own place.
 *
 * ROM (-DROM): an option ROM. The BIOS calls it and it takes the interrupt that boots, which then copies the kernel's
 * own real-mode part, which asks the BIOS for what the kernel wants to know, out of the ROM (from its second block on)
 * to where it belongs, and enters it.
 *
 * Else, at 0x100000: where that part goes instead of the kernel's decompressor, which would take a minute of emulated
 * instructions. The kernel lies unpacked where it is linked to run; it wants 64-bit mode, memory mapped to itself, and
 * the boot parameters' address (in esi here) in rsi. */
#ifdef ROM
        .code16
        .byte   0x55, 0xaa, 1           /* 512 bytes; the script makes their sum 0 */
        push    %ds
        push    %ax
        xor     %ax, %ax
        mov     %ax, %ds
        movw    $boot, 0x19 * 4
        mov     %cs, 0x19 * 4 + 2
        pop     %ax
        pop     %ds
        lret
boot:
        cli
        cld
        mov     %cs, %ax
        add     $512 / 16, %ax
        mov     %ax, %ds
        mov     $0x9000, %ax
        mov     %ax, %es
        xor     %si, %si
        xor     %di, %di
        mov     $SETUP_BYTES / 2, %cx
        rep movsw
        mov     %ax, %ds
        mov     %ax, %fs
        mov     %ax, %gs
        mov     %ax, %ss
        mov     $0xe000, %esp
        ljmp    $0x9020, $0
#else
        .code32
        mov     %cr4, %eax
        or      $0x20, %eax             /* physical address extension */
        mov     %eax, %cr4
        mov     $tables, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER */
        rdmsr
        or      $0x100, %eax            /* long mode */
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax       /* paging */
        mov     %eax, %cr0
        lgdt    descriptor
        ljmp    $0x10, $long_mode
        .code64
long_mode:
        mov     $0x18, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov %esi, %esi
        mov     $KERNEL, %eax
        jmp     *%rax

        .balign 8
gdt:
        .quad   0, 0
        .quad   0x00af9a000000ffff      /* 64-bit code */
        .quad   0x00cf92000000ffff      /* data */
descriptor:
        .word   . - gdt - 1
        .long   gdt

        /* The first gigabyte in pages of 2 MB. */
        .balign 4096
tables:
        .long   directories + 3, 0
        .fill   511, 8, 0
directories:
        .long   pages + 3, 0
        .fill   511, 8, 0
pages:
        .set    page, 0x83
        .rept   512
        .long   page, 0
        .set    page, page + 0x200000
        .endr
#endif
