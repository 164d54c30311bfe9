DELETE FROM application_notices WHERE notice = 'not_filed';
DROP INDEX application_notices_not_filed;
