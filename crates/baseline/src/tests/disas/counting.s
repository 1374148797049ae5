;; function 0
    0  sub dword ptr [7],1  ; Counter(0)
    7  js 0000000000000041h
    d  push rbp
    e  mov rbp,rsp
   11  sub rsp,20h
   18  mov [rbp-8],rdi
   1c  mov r10d,esi
   1f  movaps xmm14,xmm0
   23  sub dword ptr [2Ah],1  ; Counter(1)
   2a  js 000000000000004Bh
   30  sqrtsd xmm14,xmm14
   35  sub r10d,1
   39  jne short 0000000000000023h
   3b  movaps xmm0,xmm14
   3f  leave
   40  ret
   41  mov eax,0
   46  jmp 000000000000004Bh  ; HotEntry
   4b  mov [rbp-10h],r10d
   4f  movsd [rbp-18h],xmm14
   55  mov rdi,[rbp-8]
   59  mov rsi,rbp
   5c  mov edx,0
   61  mov ecx,0
   66  call 000000000000006Bh  ; HotLoop
   6b  test rax,rax
   6e  jne 0000000000000084h
   74  mov rdi,[rbp-8]
   78  mov r10d,[rbp-10h]
   7c  movsd xmm14,[rbp-18h]
   82  jmp short 0000000000000030h
   84  mov rdi,[rbp-8]
   88  leave
   89  jmp rax

;; function 1
    0  sub dword ptr [7],1  ; Counter(0)
    7  js 000000000000004Dh
    d  push rbp
    e  mov rbp,rsp
   11  mov r10,[rdi]
   14  lea r11,[rsp-20h]
   1c  cmp r11,[r10]
   1f  jb 0000000000000057h
   25  sub rsp,20h
   2c  mov [rbp-8],rdi
   30  mov [rbp-10h],esi
   33  movsd [rbp-18h],xmm0
   38  add dword ptr [3Fh],1  ; Counter(1)
   3f  mov esi,esi
   41  mov rdi,[rbp-8]
   45  call qword ptr [4Bh]  ; TableSlot(DefinedFuncIndex(0))
   4b  leave
   4c  ret
   4d  mov eax,1
   52  jmp 0000000000000057h  ; HotEntry
   57  ud2  ; traps: StackOverflow

