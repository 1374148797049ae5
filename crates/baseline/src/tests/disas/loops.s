;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  push rbx
    5  push r12
    7  sub rsp,30h
    e  mov ebx,esi
   10  mov r12d,edx
   13  xor r10d,r10d
   16  xor r9d,r9d
   19  mov r8,[rdi+28h]
   1d  lea eax,[rbx+r10*4]
   21  mov eax,[r8+rax+8]  ; traps: MemoryOutOfBounds
   26  add r9d,eax
   29  add r10d,1
   2d  cmp r10d,r12d
   30  jb short 000000000000001Dh
   32  mov eax,r9d
   35  mov rbx,[rbp-8]
   39  mov r12,[rbp-10h]
   3d  leave
   3e  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov r10d,esi
    e  mov r9d,edx
   11  xorps xmm14,xmm14
   15  mov r8,[rdi+28h]
   19  test r9d,r9d
   1c  je 000000000000003Fh
   22  movsd xmm0,[r8+r10]  ; traps: MemoryOutOfBounds
   28  mulsd xmm0,[50h]
   30  addsd xmm14,xmm0
   35  add r10d,8
   39  sub r9d,1
   3d  jne short 0000000000000022h
   3f  movaps xmm0,xmm14
   43  leave
   44  ret
   45  int3
   46  int3
   47  int3
   48  int3
   49  int3
   4a  int3
   4b  int3
   4c  int3
   4d  int3
   4e  int3
   4f  int3

