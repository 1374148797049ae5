;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,30h
    b  movups [rbp-20h],xmm0
    f  movups [rbp-30h],xmm1
   13  mov r10,[rdi+28h]
   17  movaps xmm2,xmm0
   1a  paddd xmm2,xmm1
   1e  movaps xmm0,xmm2
   21  leave
   22  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 0000000000000060h
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  movups [rbp-20h],xmm0
   2a  mov esi,esi
   2c  mov r11,[rbp-8]
   30  mov r11,[r11+28h]
   34  movups xmm1,[r11+rsi]  ; traps: MemoryOutOfBounds
   39  movups xmm2,[70h]
   40  movaps xmm0,xmm1
   43  movaps xmm1,xmm2
   46  mov rdi,[rbp-8]
   4a  call qword ptr [50h]  ; TableSlot(DefinedFuncIndex(0))
   50  movups xmm1,[rbp-20h]
   54  mov rdi,[rbp-8]
   58  call qword ptr [5Eh]  ; TableSlot(DefinedFuncIndex(0))
   5e  leave
   5f  ret
   60  ud2  ; traps: StackOverflow
   62  int3
   63  int3
   64  int3
   65  int3
   66  int3
   67  int3
   68  int3
   69  int3
   6a  int3
   6b  int3
   6c  int3
   6d  int3
   6e  int3
   6f  int3

