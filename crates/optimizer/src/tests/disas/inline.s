;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jl      label2; j label1
block1:
  movq %rsi, %rax
  movq %rbp, %rsp
  popq %rbp
  retq
block2:
  uninit  %rax
  xorl %eax, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jl      label2; j label1
block1:
  jmp     label3
block2:
  uninit  %rsi
  xorl %esi, %esi
  jmp     label3
block3:
  movq 0x28(%rdi), %rax
  movl %esi, %ecx
  movl (%rax, %rcx), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 3
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq 0x28(%rdi), %rax
  movl %edx, %ecx
  jmp     label1
block1:
  testl %esi, %esi
  jl      label3; j label2
block2:
  movq %rsi, %r11
  jmp     label4
block3:
  uninit  %r11
  xorl %r11d, %r11d
  jmp     label4
block4:
  movl %r11d, %edi
  movl (%rax, %rdi), %edi
  movl %edi, (%rax, %rcx)
  subl $0x1, %esi
  testl %esi, %esi
  jnz     label5; j label6
block5:
  jmp     label1
block6:
  testl %edx, %edx
  jl      label8; j label7
block7:
  movq %rdx, %rax
  jmp     label9
block8:
  uninit  %rax
  xorl %eax, %eax
  jmp     label9
block9:
  movq %rbp, %rsp
  popq %rbp
  retq

