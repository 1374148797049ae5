;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  uninit  %rax
  xorl %eax, %eax
  movq 0x28(%rdi), %rdi
  movq %rax, %r10
  jmp     label1
block1:
  uninit  %r8
  xorl %r8d, %r8d
  leal (%rcx, %r10), %r9d
  jmp     label2
block2:
  movl %eax, %r11d
  movl %r9d, (%rdi, %r11)
  leal 1(%r8), %r8d
  leal 4(%rax), %eax
  cmpl %edx, %r8d
  jb      label3; j label4
block3:
  jmp     label2
block4:
  leal 1(%r10), %r10d
  cmpl %esi, %r10d
  jb      label5; j label6
block5:
  jmp     label1
block6:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rcx, %rax
  movq 0x28(%rdi), %rcx
  jmp     label1
block1:
  jmp     label2
block2:
  movl %eax, %edi
  movl (%rcx, %rdi), %edi
  testl %edi, %edi
  jnz     label3; j label4
block3:
  movq %rax, %rdi
  movq %rdx, %rax
  movq %rdi, %rdx
  jmp     label2
block4:
  subl $0x1, %esi
  testl %esi, %esi
  jnz     label5; j label6
block5:
  movq %rax, %rdi
  movq %rdx, %rax
  movq %rdi, %rdx
  jmp     label1
block6:
  subl %edx, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

