// A small computer: a processor of eight bits with eight registers and two cycles an instruction, its program,
// a timer, and a serial line. All of it is inside; only the clock, the reset and the line lead out.

// What it runs: the Fibonacci numbers, one after the other over the line.
module program(
    input [5:0] address,
    output reg [15:0] instruction
);
    always @* begin
        case (address)
            6'h00: instruction = 16'he100; // r1 = 0
            6'h01: instruction = 16'he201; // r2 = 1
            6'h02: instruction = 16'h9010; // line = r1
            6'h03: instruction = 16'hd503; // wait for the line
            6'h04: instruction = 16'h0312; // r3 = r1 + r2
            6'h05: instruction = 16'h8120; // r1 = r2
            6'h06: instruction = 16'h8230; // r2 = r3
            6'h07: instruction = 16'hd302; // if no carry, once more
            6'h08: instruction = 16'he41f; // r4 = 31
            6'h09: instruction = 16'ha040; // timer = r4
            6'h0a: instruction = 16'h4554; // r5 = r5 ^ r4
            6'h0b: instruction = 16'h7650; // r6 = r5 >> 1
            6'h0c: instruction = 16'hb700; // r7 = timer
            6'h0d: instruction = 16'h1776; // r7 = r7 - r6
            6'h0e: instruction = 16'h9070; // line = r7
            6'h0f: instruction = 16'hd40f; // wait for the timer
            6'h10: instruction = 16'hd510; // wait for the line
            6'h11: instruction = 16'hd000; // begin again
            default: instruction = 16'hd000;
        endcase
    end
endmodule

module alu(
    input [3:0] operation,
    input [7:0] a,
    input [7:0] b,
    output reg [7:0] result,
    output reg carry
);
    always @* begin
        carry = 1'b0;
        case (operation)
            4'h0: {carry, result} = {1'b0, a} + {1'b0, b};
            4'h1: {carry, result} = {1'b0, a} - {1'b0, b};
            4'h2: result = a & b;
            4'h3: result = a | b;
            4'h4: result = a ^ b;
            4'h5: result = ~a;
            4'h6: {carry, result} = {a, 1'b0};
            4'h7: {result, carry} = {1'b0, a};
            default: result = a;
        endcase
    end
endmodule

module registers(
    input clock,
    input write,
    input [2:0] to,
    input [7:0] value,
    input [2:0] left,
    input [2:0] right,
    output [7:0] a,
    output [7:0] b
);
    reg [7:0] file [0:7];
    assign a = left == 3'h0 ? 8'h00 : file[left];
    assign b = right == 3'h0 ? 8'h00 : file[right];

    always @(posedge clock) begin
        if (write) file[to] <= value;
    end
endmodule

module timer(
    input clock,
    input reset,
    input write,
    input [7:0] value,
    output reg [7:0] count,
    output expired
);
    assign expired = count == 8'h00;

    always @(posedge clock) begin
        if (reset) count <= 8'hff;
        else if (write) count <= value;
        else if (!expired) count <= count - 8'h01;
    end
endmodule

module serial(
    input clock,
    input reset,
    input start,
    input [7:0] data,
    output reg line,
    output busy
);
    reg [9:0] shift;
    reg [3:0] bits;
    reg [2:0] divider;
    assign busy = bits != 4'h0;

    always @(posedge clock) begin
        if (reset) begin
            line <= 1'b1;
            bits <= 4'h0;
            divider <= 3'h0;
            shift <= 10'h3ff;
        end else if (start && !busy) begin
            shift <= {1'b1, data, 1'b0};
            bits <= 4'ha;
            divider <= 3'h0;
        end else if (busy) begin
            divider <= divider + 3'h1;
            if (divider == 3'h7) begin
                line <= shift[0];
                shift <= {1'b1, shift[9:1]};
                bits <= bits - 4'h1;
            end
        end
    end
endmodule

module computer(
    input clock,
    input reset,
    output line
);
    reg executing;
    reg [5:0] counter;
    reg [15:0] instruction;
    reg zero_flag;
    reg carry_flag;

    wire [15:0] next;
    wire [3:0] opcode = instruction[15:12];
    wire [2:0] to = instruction[10:8];
    wire [2:0] left = instruction[6:4];
    wire [2:0] right = instruction[2:0];
    wire [7:0] immediate = instruction[7:0];
    wire [7:0] a, b, result, time_left;
    wire carry, expired, busy;

    wire is_arithmetic = opcode < 4'h9;
    wire has_flags = opcode < 4'h8;
    wire is_send = opcode == 4'h9;
    wire is_set_timer = opcode == 4'ha;
    wire is_timer = opcode == 4'hb;
    wire is_jump = opcode == 4'hd;
    wire is_immediate = opcode == 4'he;

    wire taken = to == 3'h0
        || (to == 3'h1 && zero_flag)
        || (to == 3'h2 && !zero_flag)
        || (to == 3'h3 && !carry_flag)
        || (to == 3'h4 && !expired)
        || (to == 3'h5 && busy);

    program program(counter, next);
    alu alu(opcode, a, b, result, carry);

    registers registers(
        clock,
        executing && (is_arithmetic || is_timer || is_immediate),
        to,
        is_timer ? time_left : is_immediate ? immediate : result,
        left,
        right,
        a,
        b
    );

    timer timer(clock, reset, executing && is_set_timer, a, time_left, expired);
    serial serial(clock, reset, executing && is_send, a, line, busy);

    always @(posedge clock) begin
        if (reset) begin
            executing <= 1'b0;
            counter <= 6'h00;
            instruction <= 16'hd000;
            zero_flag <= 1'b0;
            carry_flag <= 1'b0;
        end else if (!executing) begin
            instruction <= next;
            counter <= counter + 6'h01;
            executing <= 1'b1;
        end else begin
            executing <= 1'b0;
            if (has_flags) begin
                zero_flag <= result == 8'h00;
                carry_flag <= carry;
            end
            if (is_jump && taken) counter <= immediate[5:0];
        end
    end
endmodule
