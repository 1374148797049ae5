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
  movq 0x28(%rdi), %rax
  movq 0x20(%rdi), %rcx
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
  movq 0x10(%rcx), %rcx
  movq 0x10(%rdi), %r12
  movq %rdi, %r15
  cmpq 8(%r12), %rcx
  jnz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  call    *%rcx
  movq %r15, %rdi
  movq 0x28(%rdi), %rax
  movq 0x20(%rdi), %rcx
  leaq (%rcx, %r13, 8), %rcx
  cmpq %rax, %r13
  cmovaeq %rbx, %rcx
  movq (%rcx), %rax
  movq %rdi, 0x20(%r14)
  movq 0x10(%rax), %rdx
  movl 4(%rdx), %esi
  cmpl $0x4, %esi
  setae %cl
  leaq 0x28(%rdx), %rdi
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
  movq %rsi, %r10
  uninit  %rsi
  xorl %esi, %esi
  movq %r10, %rax
  testq %rax, %rax
  jz      label1; j label2
block1:
  jmp     label3
block2:
  movq 0x10(%rax), %rax
  movq 0x10(%rdi), %rcx
  cmpq 0x28(%rcx), %rax
  sete %sil
  jmp     label3
block3:
  movzbl %sil, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rdi, %r8
  movl $0x1, %edi
  testq %rsi, %rsi
  jz      label1; j label2
block1:
  jmp     label3
block2:
  movq 0x10(%rsi), %rax
  movl 4(%rax), %ecx
  cmpl $0x4, %ecx
  setae %dil
  leaq 0x28(%rax), %rdx
  cmpl $0x4, %ecx
  cmovaeq %rdx, %rax
  movq (%rax), %rax
  movq %r8, %rcx
  movq 0x10(%rcx), %rcx
  cmpq 0x20(%rcx), %rax
  sete %al
  andl %eax, %edi
  jmp     label3
block3:
  testb %dil, %dil
  jz #trap=user17
  movq %rsi, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 3
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %rdx
  uninit  %rsi
  xorl %esi, %esi
  movq %rdx, %rax
  testq %rax, %rax
  jz      label1; j label2
block1:
  movq %rax, %rdx
  jmp     label3
block2:
  movq 0x10(%rax), %rcx
  movq %rax, %rdx
  movq 0x10(%rcx), %rax
  movq 0x10(%rdi), %rcx
  cmpq 8(%rcx), %rax
  sete %sil
  jmp     label3
block3:
  testb %sil, %sil
  jnz     label5; j label4
block4:
  uninit  %rax
  xorq %rax, %rax
  movq %rbp, %rsp
  popq %rbp
  retq
block5:
  movq %rdx, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

