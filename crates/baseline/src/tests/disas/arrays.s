;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],edx
   11  mov esi,esi
   13  mov edx,edx
   15  mov r11,[rdi]
   18  mov r11,[r11+30h]
   1c  add r11,rsi
   1f  cmp edx,[r11+4]  ; traps: NullReference
   23  lea rax,[r11+rdx]
   27  mov r11d,0
   2d  cmovae rax,r11
   31  movsx ecx,byte ptr [rax+8]  ; traps: ArrayOutOfBounds
   35  mov eax,ecx
   37  leave
   38  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov r11,[rdi]
   13  mov r11,[r11+30h]
   17  add r11,rsi
   1a  cmp dword ptr [r11+4],7  ; traps: NullReference
   1f  lea rax,[r11+7]
   23  mov r11d,0
   29  cmovbe rax,r11
   2d  movzx ecx,byte ptr [rax+8]  ; traps: ArrayOutOfBounds
   31  mov eax,ecx
   33  leave
   34  ret

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],edx
   11  mov [rbp-20h],ecx
   14  mov esi,esi
   16  mov edx,edx
   18  mov r11,[rdi]
   1b  mov r11,[r11+30h]
   1f  add r11,rsi
   22  cmp edx,[r11+4]  ; traps: NullReference
   26  lea rax,[r11+rdx*4]
   2a  mov r11d,0
   30  cmovae rax,r11
   34  mov [rax+8],ecx  ; traps: ArrayOutOfBounds
   37  lea eax,[rsi+rdx*4+8]
   3b  mov r11,[rdi]
   3e  mov r11,[r11+30h]
   42  shr eax,9
   45  mov byte ptr [r11+rax-800000h],1
   4e  leave
   4f  ret

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-10h],esi
    e  mov [rbp-18h],edx
   11  mov esi,esi
   13  mov edx,edx
   15  mov r11,[rdi]
   18  mov r11,[r11+30h]
   1c  add r11,rsi
   1f  cmp edx,[r11+4]  ; traps: NullReference
   23  lea rax,[rdx+rdx]
   27  lea rax,[r11+rax*8]
   2b  mov r11d,0
   31  cmovae rax,r11
   35  movups xmm0,[rax+8]  ; traps: ArrayOutOfBounds
   39  leave
   3a  ret

;; function 4
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-30h]
    f  cmp r11,[r10]
   12  jb 00000000000000A2h
   18  sub rsp,30h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov r10,rdi
   29  shl esi,1
   2c  or esi,1
   2f  mov r11,[r10]
   32  mov eax,[r11+38h]
   36  mov ecx,[r11+3Ch]
   3a  sub ecx,eax
   3c  cmp ecx,10h
   3f  jb 0000000000000079h
   45  add dword ptr [r11+38h],10h
   4a  mov rcx,[r10+10h]
   4e  mov ecx,[rcx+8]
   51  sub ecx,[r10+18h]
   55  mov r11,[r10]
   58  mov r11,[r11+30h]
   5c  mov [r11+rax],ecx
   60  mov dword ptr [r11+rax+4],2
   69  mov dword ptr [r11+rax+8],0
   72  mov [r11+rax+0Ch],esi
   77  leave
   78  ret
   79  mov [rbp-30h],esi
   7c  mov rdi,r10
   7f  mov esi,1
   84  mov edx,2
   89  mov rax,[rdi+8]
   8d  call qword ptr [rax+70h]  ; keeps: -48
   90  mov eax,eax
   92  mov esi,[rbp-30h]
   95  mov r10,[rbp-8]
   99  mov r11,[r10]
   9c  mov r11,[r11+30h]
   a0  jmp short 0000000000000069h
   a2  ud2  ; traps: StackOverflow

;; function 5
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-50h]
    f  cmp r11,[r10]
   12  jb 0000000000000072h
   18  sub rsp,50h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov [rbp-18h],edx
   29  mov edx,esi
   2b  mov esi,1
   30  mov rdi,[rbp-8]
   34  mov rax,[rdi+8]
   38  call qword ptr [rax+70h]  ; keeps: -24
   3b  movss xmm15,[rbp-18h]
   41  movss [rbp-28h],xmm15
   47  mov [rbp-48h],eax
   4a  mov esi,eax
   4c  mov edx,0
   51  mov rcx,[rbp-28h]
   55  mov r8d,0
   5b  mov r9d,[rbp-10h]
   5f  mov rdi,[rbp-8]
   63  mov rax,[rdi+8]
   67  call qword ptr [rax+88h]  ; keeps: -24, -40, -72
   6d  mov eax,[rbp-48h]
   70  leave
   71  ret
   72  ud2  ; traps: StackOverflow

;; function 6
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov r11,[rdi]
   13  mov r11,[r11+30h]
   17  mov eax,[r11+rsi+4]  ; traps: NullReference
   1c  leave
   1d  ret

