;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov eax,esi
   10  leave
   11  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-30h]
    f  cmp r11,[r10]
   12  jb 00000000000000B3h
   18  sub rsp,30h
   1f  mov [rbp-8],rdi
   23  mov [rbp-18h],edx
   26  movsd [rbp-20h],xmm0
   2b  mov r10d,esi
   2e  mov r9,rdi
   31  lea eax,[r10+1]
   35  mov r11,[r9]
   38  mov ecx,[r11+38h]
   3c  mov esi,[r11+3Ch]
   40  sub esi,ecx
   42  cmp esi,18h
   45  jb 000000000000007Fh
   4b  add dword ptr [r11+38h],18h
   50  mov rsi,[r9+10h]
   54  mov esi,[rsi]
   56  sub esi,[r9+18h]
   5a  mov r11,[r9]
   5d  mov r11,[r11+30h]
   61  mov [r11+rcx],esi
   65  mov [r11+rcx+4],eax
   6a  mov [r11+rcx+8],edx
   6f  mov [r11+rcx+0Ch],r10b
   74  movsd [r11+rcx+10h],xmm0
   7b  mov eax,ecx
   7d  leave
   7e  ret
   7f  mov [rbp-28h],eax
   82  mov [rbp-10h],r10d
   86  mov rdi,r9
   89  mov esi,0
   8e  mov rax,[rdi+8]
   92  call qword ptr [rax+68h]  ; keeps: -24
   95  mov ecx,eax
   97  mov eax,[rbp-28h]
   9a  mov edx,[rbp-18h]
   9d  movsd xmm0,[rbp-20h]
   a2  mov r9,[rbp-8]
   a6  mov r10d,[rbp-10h]
   aa  mov r11,[r9]
   ad  mov r11,[r11+30h]
   b1  jmp short 0000000000000065h
   b3  ud2  ; traps: StackOverflow

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-10h]
    f  cmp r11,[r10]
   12  jb 0000000000000091h
   18  sub rsp,10h
   1f  mov [rbp-8],rdi
   23  mov r10,rdi
   26  mov r11,[r10]
   29  mov eax,[r11+38h]
   2d  mov ecx,[r11+3Ch]
   31  sub ecx,eax
   33  cmp ecx,18h
   36  jb 0000000000000073h
   3c  add dword ptr [r11+38h],18h
   41  mov rcx,[r10+10h]
   45  mov ecx,[rcx]
   47  sub ecx,[r10+18h]
   4b  mov r11,[r10]
   4e  mov r11,[r11+30h]
   52  mov [r11+rax],ecx
   56  mov dword ptr [r11+rax+4],0
   5f  mov qword ptr [r11+rax+8],0
   68  mov qword ptr [r11+rax+10h],0
   71  leave
   72  ret
   73  mov rdi,r10
   76  mov esi,0
   7b  mov rax,[rdi+8]
   7f  call qword ptr [rax+68h]
   82  mov eax,eax
   84  mov r10,[rbp-8]
   88  mov r11,[r10]
   8b  mov r11,[r11+30h]
   8f  jmp short 0000000000000056h
   91  ud2  ; traps: StackOverflow

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov r10d,esi
    e  mov r11,[rdi]
   11  mov r11,[r11+30h]
   15  mov eax,[r11+r10+4]  ; traps: NullReference
   1a  mov r11,[rdi]
   1d  mov r11,[r11+30h]
   21  movsx ecx,byte ptr [r11+r10+0Ch]  ; traps: NullReference
   27  add eax,ecx
   29  leave
   2a  ret

;; function 4
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-18h],edx
    e  mov r10d,esi
   11  mov r11,[rdi]
   14  mov r11,[r11+30h]
   18  mov [r11+r10+8],edx  ; traps: NullReference
   1d  lea eax,[r10+8]
   21  shr eax,9
   24  mov byte ptr [r11+rax-800000h],1
   2d  mov r11,[rdi]
   30  mov r11,[r11+30h]
   34  mov byte ptr [r11+r10+0Ch],5  ; traps: NullReference
   3a  leave
   3b  ret

;; function 5
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-30h]
    f  cmp r11,[r10]
   12  jb 000000000000007Ch
   18  push rbx
   19  sub rsp,28h
   20  mov qword ptr [rbp-20h],0
   28  mov [rbp-18h],esi
   2b  mov rbx,rdi
   2e  mov esi,esi
   30  mov rdi,rbx
   33  call qword ptr [39h]  ; TableSlot(DefinedFuncIndex(0))  ; keeps: -24, -32
   39  mov [rbp-20h],eax
   3c  mov esi,eax
   3e  mov rdi,rbx
   41  call qword ptr [47h]  ; TableSlot(DefinedFuncIndex(0))  ; keeps: -24, -32
   47  mov [rbp-28h],eax
   4a  mov rdi,rbx
   4d  mov esi,7
   52  call qword ptr [58h]  ; TableSlot(DefinedFuncIndex(0))  ; keeps: -24, -32, -40
   58  mov ecx,[rbp-28h]
   5b  cmp ecx,eax
   5d  sete dl
   61  movzx edx,dl
   65  mov eax,[rbp-20h]
   68  test eax,eax
   6a  sete cl
   6e  movzx ecx,cl
   72  or edx,ecx
   74  mov eax,edx
   76  mov rbx,[rbp-8]
   7a  leave
   7b  ret
   7c  ud2  ; traps: StackOverflow

