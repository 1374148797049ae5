// A small processor: sixteen registers, sixteen instructions, four cycles an instruction.

module alu(
    input [3:0] operation,
    input [15:0] a,
    input [15:0] b,
    output reg [15:0] result,
    output zero,
    output reg carry
);
    assign zero = result == 16'h0000;

    always @* begin
        carry = 1'b0;
        case (operation)
            4'h0: {carry, result} = {1'b0, a} + {1'b0, b};
            4'h1: {carry, result} = {1'b0, a} - {1'b0, b};
            4'h2: result = a & b;
            4'h3: result = a | b;
            4'h4: result = a ^ b;
            4'h5: result = ~a;
            4'h6: result = a << b[3:0];
            4'h7: result = a >> b[3:0];
            4'h8: result = $signed(a) >>> b[3:0];
            4'h9: result = {15'h0000, $signed(a) < $signed(b)};
            4'ha: result = {15'h0000, a < b};
            4'hb: result = a * b;
            default: result = b;
        endcase
    end
endmodule

module registers(
    input clock,
    input write,
    input [3:0] to,
    input [15:0] value,
    input [3:0] left,
    input [3:0] right,
    output [15:0] a,
    output [15:0] b
);
    reg [15:0] file [0:15];
    assign a = left == 4'h0 ? 16'h0000 : file[left];
    assign b = right == 4'h0 ? 16'h0000 : file[right];

    always @(posedge clock) begin
        if (write) file[to] <= value;
    end
endmodule

module timer(
    input clock,
    input reset,
    input write,
    input [15:0] value,
    output reg [15:0] count,
    output reg expired
);
    always @(posedge clock) begin
        if (reset) begin
            count <= 16'hffff;
            expired <= 1'b0;
        end else if (write) begin
            count <= value;
            expired <= 1'b0;
        end else if (count == 16'h0000) begin
            expired <= 1'b1;
        end else begin
            count <= count - 16'h0001;
        end
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
    reg [3:0] divider;
    assign busy = bits != 4'h0;

    always @(posedge clock) begin
        if (reset) begin
            line <= 1'b1;
            bits <= 4'h0;
            divider <= 4'h0;
            shift <= 10'h3ff;
        end else if (start && !busy) begin
            shift <= {1'b1, data, 1'b0};
            bits <= 4'ha;
            divider <= 4'h0;
        end else if (busy) begin
            divider <= divider + 4'h1;
            if (divider == 4'hf) begin
                line <= shift[0];
                shift <= {1'b1, shift[9:1]};
                bits <= bits - 4'h1;
            end
        end
    end
endmodule

module cpu(
    input clock,
    input reset,
    input [15:0] read,
    output [15:0] address,
    output [15:0] write_value,
    output write,
    output line
);
    localparam FETCH = 2'd0, DECODE = 2'd1, EXECUTE = 2'd2, MEMORY = 2'd3;

    reg [1:0] state;
    reg [15:0] counter;
    reg [15:0] instruction;
    reg [15:0] result;
    reg zero_flag;
    reg carry_flag;

    wire [3:0] opcode = instruction[15:12];
    wire [3:0] to = instruction[11:8];
    wire [3:0] left = instruction[7:4];
    wire [3:0] right = instruction[3:0];
    wire [15:0] immediate = {{8{instruction[7]}}, instruction[7:0]};
    wire [15:0] a, b, alu_result, time_left;
    wire alu_zero, alu_carry, expired, busy;

    wire is_load = opcode == 4'hc;
    wire is_store = opcode == 4'hd;
    wire is_jump = opcode == 4'he;
    wire is_immediate = opcode == 4'hf;
    wire is_arithmetic = opcode < 4'hc;
    wire device = a[15:4] == 12'hfff;

    wire taken = to == 4'h0
        || (to == 4'h1 && zero_flag)
        || (to == 4'h2 && !zero_flag)
        || (to == 4'h3 && carry_flag)
        || (to == 4'h4 && expired)
        || (to == 4'h5 && !busy);

    alu alu(opcode, a, b, alu_result, alu_zero, alu_carry);

    registers registers(
        clock,
        state == MEMORY && (is_arithmetic || is_load || is_immediate),
        to,
        is_load ? (device ? {14'h0000, busy, expired} : read) : result,
        left,
        is_store ? to : right,
        a,
        b
    );

    timer timer(clock, reset, write && device && a[3:0] == 4'h0, b, time_left, expired);
    serial serial(clock, reset, write && device && a[3:0] == 4'h1, b[7:0], line, busy);

    assign address = state == FETCH ? counter : a;
    assign write = state == MEMORY && is_store;
    assign write_value = b;

    always @(posedge clock) begin
        if (reset) begin
            state <= FETCH;
            counter <= 16'h0000;
            instruction <= 16'h0000;
            result <= 16'h0000;
            zero_flag <= 1'b0;
            carry_flag <= 1'b0;
        end else begin
            case (state)
                FETCH: begin
                    instruction <= read;
                    state <= DECODE;
                end
                DECODE: begin
                    counter <= counter + 16'h0001;
                    state <= EXECUTE;
                end
                EXECUTE: begin
                    result <= is_immediate ? immediate : alu_result;
                    if (is_arithmetic) begin
                        zero_flag <= alu_zero;
                        carry_flag <= alu_carry;
                    end
                    if (is_jump && taken) counter <= counter + immediate;
                    state <= MEMORY;
                end
                MEMORY: state <= FETCH;
            endcase
        end
    end
endmodule
