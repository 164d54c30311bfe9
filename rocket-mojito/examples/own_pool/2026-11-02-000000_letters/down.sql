DROP TABLE timeline;
DROP TABLE letters;
