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
  movl $0x2, %edi
  movl %esi, %r8d
  cmpl %edi, %r8d
  cmovbl %r8d, %edi
  br_table %rdi, %rcx, %rax
block1:
  movl $0x14, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block2:
  movl $0xa, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  movl $0x1e, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

