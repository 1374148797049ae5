;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rdi, %rax
  uninit  %rdi
  xorl %edi, %edi
  movq 0x28(%rax), %r10
  jmp     label1
block1:
  movabsq $0x3ff0000000000000, %r11
  movq %r11, %xmm0
  leal (%rsi, %rdi), %r11d
  movsd %xmm0, (%r10, %r11)
  leal 0x18(%rdi), %edi
  cmpl $0x180, %edi
  jnz     label2; j label3
block2:
  jmp     label1
block3:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  uninit  %rax
  xorq %rax, %rax
  jmp     label1
block1:
  xorq %rsi, %rax
  subq $0x1, %rsi
  cmpq $0xffffffffffffffff, %rsi
  jnz     label2; j label3
block2:
  jmp     label1
block3:
  movq %rbp, %rsp
  popq %rbp
  retq

