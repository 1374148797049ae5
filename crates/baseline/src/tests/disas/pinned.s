;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-10h],esi
    e  movsd [rbp-18h],xmm0
   13  leave
   14  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-70h]
    f  cmp r11,[r10]
   12  jb 00000000000000B7h
   18  push rbx
   19  push r12
   1b  push r13
   1d  push r14
   1f  push r15
   21  sub rsp,48h
   28  mov ebx,esi
   2a  mov r14,rdi
   2d  movaps xmm14,xmm0
   31  mov r10d,r8d
   34  mov r13d,ecx
   37  mov r12d,edx
   3a  xor r9d,r9d
   3d  xor r15d,r15d
   40  mov r8,[r14+28h]
   44  add ebx,r12d
   47  xor r12d,r13d
   4a  add r13d,r10d
   4d  or r10d,r9d
   50  add r9d,r15d
   53  and r15d,ebx
   56  mov [r8+rbx],r12d  ; traps: MemoryOutOfBounds
   5a  mulsd xmm14,xmm14
   5f  mov [r14+40h],ebx
   63  mov [r14+40h],r12d
   67  mov [r14+40h],r13d
   6b  test ebx,ebx
   6d  jne short 0000000000000044h
   6f  mov [rbp-60h],r9d
   73  mov esi,ebx
   75  mov rdi,r14
   78  movaps xmm0,xmm14
   7c  mov [rbp-50h],r10d
   80  movsd [rbp-58h],xmm14
   86  call qword ptr [8Ch]  ; TableSlot(DefinedFuncIndex(0))
   8c  mov r8,[r14+28h]
   90  mov r9d,[rbp-60h]
   94  mov r10d,[rbp-50h]
   98  movsd xmm14,[rbp-58h]
   9e  mov eax,r15d
   a1  mov rbx,[rbp-8]
   a5  mov r12,[rbp-10h]
   a9  mov r13,[rbp-18h]
   ad  mov r14,[rbp-20h]
   b1  mov r15,[rbp-28h]
   b5  leave
   b6  ret
   b7  ud2  ; traps: StackOverflow

