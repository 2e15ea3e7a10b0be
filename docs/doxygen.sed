# Comments of the headers as doxygen wants them.

# What a file begins with is about the file.
1,/^#pragma once/ {
    s,^// SPDX.*,/// \\file,
    s,^// ?,/// ,
}

# In front of a declaration, and behind one.
s,^( *)// ?,\1/// ,
s,([;\,{}].*[^ ]|[;\,{}]) +// ,\1  ///< ,

# <instance> is a word to put in, and no HTML.
/\/\/\//s,<([a-z]+)>,\\<\1\\>,g

# How fmt writes a value: nothing to tell, and nothing that doxygen understands.
/^template <>$/,/^};$/d
