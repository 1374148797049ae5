;; function 0
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq (%rdi), %r8
  movq %rdi, 0x20(%r8)
  movq (%rsi), %r8
  movq 8(%rsi), %rdi
  movq %rdx, %rsi
  call    *%r8
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq (%rdi), %r8
  movq %rdi, 0x20(%r8)
  movq (%rsi), %r10
  movq 8(%rsi), %rdi
  movq %rdx, %rsi
  return_call_unknown %r10 (0) tmp=%r11 %rdi=%rdi %rsi=%rsi

;; function 2
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  testq %rsi, %rsi
  jz      label2; j label1
block1:
  testq %rsi, %rsi
  jz #trap=user14
  movq (%rdi), %rax
  movq %rdi, 0x20(%rax)
  movq (%rsi), %rax
  movq 8(%rsi), %rdi
  movq %rdx, %rsi
  call    *%rax
  movq %rbp, %rsp
  popq %rbp
  retq
block2:
  movl $0xffffffff, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

