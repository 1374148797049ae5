;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov r10,[rdi+28h]
   12  mov esi,esi
   14  test esi,3
   1a  jne 0000000000000027h
   20  mov eax,[r10+rsi+4]  ; traps: MemoryOutOfBounds
   25  leave
   26  ret
   27  ud2  ; traps: HeapMisaligned

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,30h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],rdx
   12  mov r10,[rdi+28h]
   16  mov [rbp-28h],rdx
   1a  mov esi,esi
   1c  lea r11d,[rsi+1]
   20  test r11d,1
   27  jne 000000000000003Ch
   2d  lea r11,[r10+rsi+1]
   32  mov rax,[rbp-28h]
   36  xchg [r11],ax  ; traps: MemoryOutOfBounds
   3a  leave
   3b  ret
   3c  ud2  ; traps: HeapMisaligned

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,30h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],edx
   11  mov r10,[rdi+28h]
   15  mov [rbp-28h],edx
   18  mov esi,esi
   1a  test esi,3
   20  jne 0000000000000039h
   26  lea r11,[r10+rsi]
   2a  mov eax,[rbp-28h]
   2d  neg rax
   30  lock xadd [r11],eax  ; traps: MemoryOutOfBounds
   35  mov eax,eax
   37  leave
   38  ret
   39  ud2  ; traps: HeapMisaligned

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,30h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],rdx
   12  mov r10,[rdi+28h]
   16  mov [rbp-28h],rdx
   1a  mov esi,esi
   1c  lea r11,[r10+rsi]
   20  mov rcx,[rbp-28h]
   24  movzx eax,byte ptr [r11]  ; traps: MemoryOutOfBounds
   28  mov r8,rax
   2b  or r8,rcx
   2e  lock cmpxchg [r11],r8b  ; traps: MemoryOutOfBounds
   33  jne short 0000000000000028h
   35  movzx eax,al
   39  leave
   3a  ret

;; function 4
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,40h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],rdx
   12  mov [rbp-20h],rcx
   16  mov r10,[rdi+28h]
   1a  mov [rbp-30h],rdx
   1e  mov [rbp-38h],rcx
   22  mov esi,esi
   24  test esi,7
   2a  jne 0000000000000043h
   30  lea r11,[r10+rsi]
   34  mov rax,[rbp-30h]
   38  mov r8,[rbp-38h]
   3c  lock cmpxchg [r11],r8  ; traps: MemoryOutOfBounds
   41  leave
   42  ret
   43  ud2  ; traps: HeapMisaligned

;; function 5
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-10h]
    f  cmp r11,[r10]
   12  jb 0000000000000047h
   18  sub rsp,10h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov edx,esi
   28  mov esi,0
   2d  mov ecx,8
   32  mov r8d,1
   38  mov rdi,[rbp-8]
   3c  mov rax,[rdi+8]
   40  call qword ptr [rax+38h]
   43  mov eax,eax
   45  leave
   46  ret
   47  ud2  ; traps: StackOverflow

;; function 6
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov r10,[rdi+28h]
    f  mfence
   12  mov r11,[rdi+30h]
   16  mov rax,[r11+8]
   1a  shr rax,10h
   1e  leave
   1f  ret

