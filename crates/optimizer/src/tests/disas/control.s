;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  cmpl $0x7, %esi
  jnle    label2; j label1
block1:
  subl $0x10, 0x40(%rdi)
  movl $0x5, %eax
  testl %esi, %esi
  cmovel %esi, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block2:
  movl $0x1, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jz      label5; j label1
block1:
  cmpl $0x1, %esi
  jz      label4; j label2
block2:
  jmp     label3
block3:
  movl $0x1e, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block4:
  movl $0x14, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block5:
  movl $0xa, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

