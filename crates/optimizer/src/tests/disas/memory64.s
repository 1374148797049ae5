;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq 0x30(%rdi), %r9
  movq 0x28(%rdi), %r11
  uninit  %r10
  xorq %r10, %r10
  leaq 8(%r11, %rsi), %r8
  cmpq %r9, %rsi
  cmovaq %r10, %r8
  movl (%r8), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq 0x30(%rdi), %r11
  movq %rsi, %rax
  addq (%rip), %rax
  jb #trap=user2
  uninit  %rcx
  xorq %rcx, %rcx
  addq 0x28(%rdi), %rsi
  movabsq $0x100000000, %rdx
  leaq (%rsi, %rdx), %rdx
  cmpq %r11, %rax
  cmovaq %rcx, %rdx
  movl (%rdx), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

