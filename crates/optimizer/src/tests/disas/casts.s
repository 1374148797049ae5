;; function 0
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x30, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x20, %rsp
  movq %rbx, (%rsp)
  movq %r12, 8(%rsp)
  movq %r13, 0x10(%rsp)
block0:
  movq 0x30(%rdi), %rax
  movq 0x28(%rdi), %rcx
  movl %esi, %r12d
  uninit  %rbx
  xorq %rbx, %rbx
  leaq (%rcx, %r12, 8), %rcx
  cmpq %rax, %r12
  cmovaeq %rbx, %rcx
  movq (%rcx), %rax
  movq (%rdi), %rcx
  movq %rdi, 0x20(%rcx)
  movq 0x10(%rax), %rcx
  movq 0x10(%rdi), %rdx
  movq %rdi, %r13
  movq 8(%rdx), %rdx
  movq 0x18(%rcx), %rcx
  cmpq %rdx, %rcx
  jnz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  call    *%rcx
  movq %r13, %rdi
  movq 0x30(%rdi), %rax
  movq 0x28(%rdi), %rcx
  leaq (%rcx, %r12, 8), %rcx
  cmpq %rax, %r12
  cmovaeq %rbx, %rcx
  movq (%rcx), %rax
  movq (%rdi), %rcx
  movq %rdi, 0x20(%rcx)
  movq 0x10(%rax), %rcx
  movq 0x10(%rdi), %rdx
  movq 0x20(%rdx), %rdx
  movl 4(%rcx), %edi
  cmpl $0x4, %edi
  setae %sil
  leaq 0x30(%rcx), %r8
  cmpl $0x4, %edi
  cmovaeq %r8, %rcx
  movq (%rcx), %rcx
  cmpq %rdx, %rcx
  sete %cl
  testb %sil, %cl
  jz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  call    *%rcx
  movq (%rsp), %rbx
  movq 8(%rsp), %r12
  movq 0x10(%rsp), %r13
  addq $0x20, %rsp
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
  movq 0x10(%rsi), %r8
  movq 0x10(%rdi), %rax
  movq 0x20(%rax), %rax
  movl 4(%r8), %edx
  cmpl $0x4, %edx
  setae %cl
  leaq 0x30(%r8), %rdi
  cmpl $0x4, %edx
  cmovaeq %rdi, %r8
  movq (%r8), %rdx
  cmpq %rax, %rdx
  sete %al
  testb %cl, %al
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
  movq 0x10(%rdi), %rax
  movq 8(%rax), %rax
  movq 0x18(%r11), %r11
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

