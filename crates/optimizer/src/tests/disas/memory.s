;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  uninit  %rax
  xorl %eax, %eax
  movq 0x28(%rdi), %rcx
  jmp     label1
block1:
  movl %esi, %edi
  movl 8(%rcx, %rdi), %edi
  leal 4(%rsi), %esi
  leal (%rax, %rdi), %eax
  cmpl %edx, %esi
  jb      label2; j label3
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
  movq 0x28(%rdi), %r10
  movl %esi, %r11d
  addl $0x1, 4(%r10, %r11)
  movq 0x30(%rdi), %rax
  subq $0x18, %rax
  cmpq %rax, %r11
  jnbe #trap=user2
  movl %edx, %ecx
  cmpq %rax, %rcx
  jnbe #trap=user2
  movdqu (%r10, %rcx), %xmm0
  movdqu 8(%r10, %rcx), %xmm1
  movdqu %xmm0, (%r10, %r11)
  movdqu %xmm1, 8(%r10, %r11)
  movq %rbp, %rsp
  popq %rbp
  retq

