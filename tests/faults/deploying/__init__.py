"""The files of deploy/, each given to the program that it is for."""
