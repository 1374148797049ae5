;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jnz     label2; j label1
block1:
  movl $0x2, %eax
  jmp     label3
block3:
  movq %rbp, %rsp
  popq %rbp
  retq
block2:
  movl $0x1, %eax
  jmp     label3

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  jmp     label1
block1:
  testl %esi, %esi
  jnz     label2; j label3
block2:
  jmp     label1
block4:
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  testl %edx, %edx
  jnz     label5; j label4
block5:
  jmp     label1

