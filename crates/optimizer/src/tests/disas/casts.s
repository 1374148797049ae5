;; function 0
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x40, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x30, %rsp
  movq %rbx, (%rsp)
  movq %r12, 8(%rsp)
  movq %r13, 0x10(%rsp)
  movq %r14, 0x18(%rsp)
  movq %r15, 0x20(%rsp)
block0:
  movq 0x30(%rdi), %rax
  movq 0x28(%rdi), %rcx
  movl %esi, %r13d
  uninit  %rbx
  xorq %rbx, %rbx
  leaq (%rcx, %r13, 8), %rcx
  cmpq %rax, %r13
  cmovaeq %rbx, %rcx
  movq (%rcx), %rax
  movq (%rdi), %r14
  movq %rdi, 0x20(%r14)
  movq 0x10(%rax), %rcx
  movq 0x18(%rcx), %rcx
  movq 0x10(%rdi), %r12
  movq %rdi, %r15
  cmpq 8(%r12), %rcx
  jnz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  call    *%rcx
  movq %r15, %rdi
  movq 0x30(%rdi), %rax
  movq 0x28(%rdi), %rcx
  leaq (%rcx, %r13, 8), %rcx
  cmpq %rax, %r13
  cmovaeq %rbx, %rcx
  movq (%rcx), %rax
  movq %rdi, 0x20(%r14)
  movq 0x10(%rax), %rdx
  movl 4(%rdx), %esi
  cmpl $0x4, %esi
  setae %cl
  leaq 0x30(%rdx), %rdi
  cmpl $0x4, %esi
  cmovaeq %rdi, %rdx
  movq (%rdx), %rdx
  cmpq 0x20(%r12), %rdx
  sete %dl
  testb %cl, %dl
  jz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  call    *%rcx
  movq (%rsp), %rbx
  movq 8(%rsp), %r12
  movq 0x10(%rsp), %r13
  movq 0x18(%rsp), %r14
  movq 0x20(%rsp), %r15
  addq $0x30, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  uninit  %rax
  xorl %eax, %eax
  testq %rsi, %rsi
  jnz     label2; j label1
block1:
  jmp     label5
block2:
  movq 0x10(%rsi), %rcx
  movq 0x10(%rdi), %rax
  movq 0x28(%rax), %rsi
  movl $0x1, %edx
  uninit  %rax
  xorl %eax, %eax
  cmpq %rsi, %rcx
  jz      label3; j label4
block3:
  movq %rdx, %rax
  jmp     label5
block4:
  jmp     label5
block5:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
block0:
  testq %rsi, %rsi
  jnz     label2; j label1
block1:
  movq %rsi, %rax
  jmp     label3
block2:
  movq 0x10(%rsi), %r9
  movl 4(%r9), %ecx
  cmpl $0x4, %ecx
  setae %al
  leaq 0x30(%r9), %rdx
  cmpl $0x4, %ecx
  cmovaeq %rdx, %r9
  movq (%r9), %rcx
  movq 0x10(%rdi), %rdx
  cmpq 0x20(%rdx), %rcx
  sete %cl
  testb %al, %cl
  jz #trap=user17
  movq %rsi, %rax
  jmp     label3
block3:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 3
  pushq %rbp
  movq %rsp, %rbp
block0:
  testq %rsi, %rsi
  jnz     label2; j label1
block1:
  jmp     label4
block2:
  movq 0x10(%rsi), %r11
  movq %rsi, %r9
  movq 0x18(%r11), %r11
  movq 0x10(%rdi), %rax
  movq 8(%rax), %rax
  cmpq %rax, %r11
  jz      label5; j label3
block3:
  jmp     label4
block4:
  uninit  %rax
  xorq %rax, %rax
  movq %rbp, %rsp
  popq %rbp
  retq
block5:
  movq %r9, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

